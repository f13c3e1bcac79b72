"""What a download does to the user's disk: names, places, and a file of its own until all is there."""
