"""What the model can do besides talk: tools, where they come from, and how they are run.

A file in the tools directory needs three names from here: `tool`, `Range` and `ToolError`. Since users' files
import them, these three and their parameters keep their meaning within a major version; new parameters have
defaults (RELEASING.md#what-a-number-promises). All else in this package may change with any version.
"""

from daemon.tools.declaring.functions import DeclarationError, Range, is_tool, spec_of, tool
from daemon.tools.declaring.spec import Scheduling, ToolError, ToolSpec

__all__ = ["DeclarationError", "Range", "Scheduling", "ToolError", "ToolSpec", "is_tool", "spec_of", "tool"]
