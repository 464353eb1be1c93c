"""From a published image to the hub: menu, links, link request."""
