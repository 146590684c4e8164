def test_the_long_history_is_not_read(make_model, arguments, batch):
    model = make_model("none")
    wire, query, _ = arguments(model, batch)
    assert model.long_term(wire, query, history=None).shape == (*query.shape[:2], 0)
    assert model.long_term.trainable_variables == model.embeddings.trainable_variables
    assert model.long_term.bake() == []
