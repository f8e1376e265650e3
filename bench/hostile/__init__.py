"""What hostile messages cost: processor time and peak of memory, each in a process of its own."""
