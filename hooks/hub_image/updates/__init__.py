"""From one release of the template, or one set of answers, to another."""
