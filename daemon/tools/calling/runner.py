"""Runs one tool within its time, and answers whatever it does. Event loop only."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Mapping
from functools import partial

from daemon.tools.calling.answers import SHORT_CHARS, Answer, failed, succeeded
from daemon.tools.calling.arguments import WrongArguments, check_arguments
from daemon.tools.calling.workers import NoThreadFree, Workers
from daemon.tools.declaring.spec import ToolError, ToolSpec

log = logging.getLogger(__name__)


class Runner:
    """Checks arguments, runs tools, explains failures. `timeouts` counts tools that took too long."""

    def __init__(self, workers: Workers | None = None) -> None:
        self.workers = workers or Workers()
        self.timeouts = 0

    async def carry_out(self, spec: ToolSpec, arguments: Mapping[str, object]) -> Answer:
        """Run a tool and answer. Never raises, but for being cancelled."""
        began_s = time.monotonic()
        limit = asyncio.timeout(spec.timeout_s)
        try:
            values = check_arguments(spec.parameters, arguments)
            async with limit:
                answer = await self._run(spec, values)
        except WrongArguments as error:
            return failed(f"Wrong arguments: {error}.", retryable=True)
        except Exception as error:  # noqa: BLE001 - a tool, and what a server calls a schema, may raise anything
            answer = self._explain(spec, error, timed_out=limit.expired())
        log.info("tool %s: %s after %.1f s", spec.name, answer["status"], time.monotonic() - began_s)
        return answer

    async def _run(self, spec: ToolSpec, values: dict[str, object]) -> Answer:
        work = partial(spec.run, **values)
        if inspect.iscoroutinefunction(spec.run):
            result = await work()
            if result is None or (isinstance(result, str) and len(result) <= SHORT_CHARS):
                return succeeded(result)
            return await asyncio.to_thread(succeeded, result)
        answer: Answer = await self.workers.run(lambda: succeeded(work()))  # a large result takes its time
        return answer

    def _explain(self, spec: ToolSpec, error: Exception, *, timed_out: bool) -> Answer:
        if timed_out and isinstance(error, TimeoutError):
            self.timeouts += 1
            log.warning("tool %s: no result within %g s (%s)", spec.name, spec.timeout_s, spec.source)
            return failed(f"No result within {spec.timeout_s:g} seconds; whether it was done is not known.")
        if isinstance(error, NoThreadFree):
            log.warning("tool %s: not run, for too many earlier calls never returned", spec.name)
            return failed("Too many earlier calls hang; the device has to be restarted before this works.")
        if isinstance(error, ToolError):
            return failed(str(error), retryable=error.retryable)
        # Its text may hold what somebody said, which is no business of the log's unless it is asked for.
        more = 'log.level = "debug" shows more'
        log.warning("tool %s failed: %s (%s); %s", spec.name, type(error).__name__, spec.source, more)
        log.debug("the failure of tool %s", spec.name, exc_info=error)
        return failed(f"The tool failed: {type(error).__name__}: {error}")
