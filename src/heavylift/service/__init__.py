"""The stories: one method for each verb of the API, told over two ports."""
