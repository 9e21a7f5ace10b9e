"""From genome to layer plan to Keras model."""
