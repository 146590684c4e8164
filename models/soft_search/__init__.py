"""SIM's soft search: its vectors, how they are trained, and the searches that serve them."""
