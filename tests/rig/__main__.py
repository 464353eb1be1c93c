"""The rig by hand.

python -m tests.rig up | down | env | bases | exec COMMAND ... | build FOLDER [TAG]
"""

import os
import sys
from pathlib import Path

from . import engine, images, standins


def main(arguments: list[str]) -> int | str:
    match arguments:
        case ["up"]:
            engine.up()
        case ["down"]:
            engine.down()
        case ["env"]:
            for name, value in engine.environment().items():
                print(f"export {name}='{value}'")
        case ["bases"]:
            engine.up()
            for image in standins.one_of_each():
                standins.ensure(image)
        case ["exec", *command] if command:
            os.environ.update(engine.environment())
            line = engine.inside(*command)
            os.execvp(line[0], line)
        case ["build", folder, *tag]:
            print(images.build(Path(folder), *tag))
        case _:
            return __doc__
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except engine.RigError as error:
        sys.exit(str(error))
