"""What a user can repair, said in one sentence."""


class Problem(Exception):
    """Something a user can repair; the message is one sentence: what is wrong, what to do."""
