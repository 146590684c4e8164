"""What the pages show of the code, made anew whenever they are built."""
