"""What the model can do besides talk: tools, where they come from, and how they are run.

A file in the tools directory needs three names from here: `tool`, `Range` and `ToolError`.
"""

from daemon.tools.declaring.functions import DeclarationError, Range, is_tool, spec_of, tool
from daemon.tools.declaring.spec import Scheduling, ToolError, ToolSpec

__all__ = ["DeclarationError", "Range", "Scheduling", "ToolError", "ToolSpec", "is_tool", "spec_of", "tool"]
