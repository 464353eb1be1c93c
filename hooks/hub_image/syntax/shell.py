"""Enough of a shell's grammar to see which commands a script runs, with which words."""

from collections.abc import Iterator

OPERATORS = "|&;()"


def commands(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, words) for each simple command of a script.

    Quotes are removed and their contents kept in one word, redirections come out as a word
    of their own (`>`, `>>`), comments and here-documents are skipped. Never fails: what is
    left open at the end counts as closed. After the grammar in
    https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html
    """
    words: list[str] = []
    word: str | None = None
    line = start = 1
    documents: list[tuple[str, bool]] = []  # here-documents whose bodies begin at the next line
    text = text.replace("\r\n", "\n")
    i = 0

    def end_word() -> None:
        nonlocal word, start
        if word is not None:
            if not words:
                start = line
            words.append(word)
            word = None

    while i < len(text):
        char = text[i]
        if char == "\\" and text[i + 1 : i + 2] == "\n":
            line, i = line + 1, i + 2
        elif char == "\\":
            word, i = (word or "") + text[i + 1 : i + 2], i + 2
        elif char == "'":
            end = text.find("'", i + 1)
            end = len(text) if end < 0 else end
            quoted = text[i + 1 : end]
            word, line, i = (word or "") + quoted, line + quoted.count("\n"), end + 1
        elif char == '"':
            word = word or ""
            i += 1
            while i < len(text) and text[i] != '"':
                if text[i] == "\\":
                    i += 1
                line += text[i : i + 1] == "\n"
                word += text[i : i + 1]
                i += 1
            i += 1
        elif char == "#" and word is None:
            end = text.find("\n", i)
            i = len(text) if end < 0 else end
        elif text.startswith("<<", i) and not text.startswith("<<<", i):
            end_word()
            i += 2
            dash = text[i : i + 1] == "-"
            i += dash
            while text[i : i + 1] in (" ", "\t"):
                i += 1
            end = i
            while end < len(text) and text[end] not in " \t\n;&|<>()":
                end += 1
            delimiter = text[i:end].replace("'", "").replace('"', "").replace("\\", "")
            documents.append((delimiter, dash))
            i = end
        elif char == ">":
            if word is not None and word.isdigit():
                word = None  # the number of a file descriptor
            end_word()
            operator = ">>" if text.startswith(">>", i) else ">"
            i += len(operator)
            i += text[i : i + 1] in ("&", "|")  # as in `>&2` and `>|file`
            words.append(operator)
        elif char in OPERATORS or char in "\n`":
            end_word()
            if words:
                yield start, words
            words = []
            if char == "\n":
                line += 1
                for delimiter, dash in documents:
                    while i + 1 < len(text):
                        end = text.find("\n", i + 1)
                        end = len(text) if end < 0 else end
                        body = text[i + 1 : end]
                        line, i = line + 1, end
                        if (body.lstrip("\t") if dash else body) == delimiter:
                            break
                documents = []
            i += 1
        elif char in " \t":
            end_word()
            i += 1
        else:
            word, i = (word or "") + char, i + 1
    end_word()
    if words:
        yield start, words
