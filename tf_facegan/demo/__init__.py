"""A page in the browser that uses trained runs. Needs the extra [demo] (Gradio)."""
