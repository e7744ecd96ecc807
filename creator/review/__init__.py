"""A person decides on a module before it goes live."""
