"""How a child process begins: run as a file, with any interpreter, it finds this installation and calls one service.

python -P boot.py worker FD LOG    serve one claim; FD gives the order, LOG is where its end is told
python -P boot.py host FD          load one module and answer questions about it on FD
python -P boot.py values 0 DB ...  read large values of a store, and give pages of them
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def _find_ourselves() -> None:
    """Make both packages importable without adding a folder to the path: what lies beside them is not the user's business."""
    here = Path(__file__).resolve().parents[2]
    for name in ("hypergraph", "studio"):
        if importlib.util.find_spec(name) is not None:
            continue
        folder = here / name
        spec = importlib.util.spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
        if spec is None or spec.loader is None:
            continue
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)


def _end_with_parent(parent: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    import ctypes
    import signal

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def main(arguments: list[str]) -> int:
    """Begin."""
    service, descriptor = arguments[0], int(arguments[1])
    if service == "host":
        _end_with_parent(int(arguments[2]))
    _find_ourselves()
    # In the user's process nothing of ours may be taken for theirs: the folder of this file is no place to import from.
    if service == "worker":
        from studio.services.keeping import keep

        keep(Path(arguments[2]), descriptor)
        from studio.services.worker import serve

        return serve(descriptor)
    if service == "values":
        from studio.services.large_reader import serve as serve_values

        return serve_values(arguments[2], float(arguments[3]), int(arguments[4]))
    from studio.services.hosted import answer

    return answer(descriptor)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
