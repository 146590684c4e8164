"""TFX's Pusher, whose versions come into being whole and once."""
