"""Images that change in a hub's configuration are proved before people meet them, also those that were not made with us."""
