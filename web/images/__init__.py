"""Images on pages: the route behind the login, and signed links to stores."""
