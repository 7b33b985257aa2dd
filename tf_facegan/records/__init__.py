"""TFRecord sets: what they hold (schema), how they are written, read, ordered and inspected."""
