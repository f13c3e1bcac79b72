"""What is measured: one module for each question, each a function from a Bench to what it found."""
