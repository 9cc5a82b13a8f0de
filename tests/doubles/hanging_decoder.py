"""Real decoders' processes in which the opener of one format does what a hostile file might."""

from __future__ import annotations

from floorlens.images import decoding


def decoder_command(hook: str) -> list[str]:
    """Returns the command of a decoder in which `hook` stands in the place of Pillow's GIF opener.

    The hook is the body of a function of `file` and `name`; `os` and `time` are imported.
    """
    body = "\n".join(f"    {line}" for line in hook.splitlines())
    code = f"""
import json, os, sys, time
sys.path[:] = json.loads(sys.argv[1])
from PIL import Image
from floorlens.images.decoding import serve
def hook(file, name):
{body}
Image.preinit()
Image.register_open("GIF", hook, lambda prefix: prefix.startswith(b"GIF"))
serve()
"""
    python, isolated, *_, path = decoding._command()
    return [python, isolated, "-c", code, path]
