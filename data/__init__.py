"""What an event, an id, a feature and a record are called; logs; published data sets. No TensorFlow."""
