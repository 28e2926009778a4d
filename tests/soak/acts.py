"""What the user does in each kind of step, until the turns of the step have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from soak.stage import DOZE_S, HOLD_S, LEFT_OPEN_S, Stage
from soak.steps import Act, Step


async def hold(stage: Stage, step: Step) -> None:
    """Ask with the button held."""
    await stage.hold(step)
    await stage.rig.until(stage.ended, LEFT_OPEN_S)


async def tap(stage: Stage, step: Step) -> None:
    """Ask after a tap."""
    stage.rig.tap()
    stage.say(step)
    await stage.pause_between_gestures()
    await stage.rig.until(stage.ended, LEFT_OPEN_S)


async def text(stage: Stage, step: Step) -> None:
    """Ask in writing."""
    await stage.rig.command("say", text=f"question {stage.number(step)}")
    await stage.rig.until(stage.ended, LEFT_OPEN_S)


async def cut_in(stage: Stage, step: Step) -> None:
    """Ask again by a press over the reply; a reply that never came is asked for again too."""
    await stage.hold(step)
    await stage.speaking()
    await stage.hold(step, second=1)
    await stage.rig.until(lambda: stage.ended(2), LEFT_OPEN_S)


async def speak_over(stage: Stage, step: Step) -> None:
    """Ask again by voice over the reply, if one comes, and lasts long enough to be spoken over."""
    await stage.hold(step)
    if await stage.speaking():
        stage.say(step, second=1)


async def stop(stage: Stage, step: Step) -> None:
    """Take it back at any moment, also before it has been said."""
    asking = asyncio.create_task(stage.hold(step))
    await stage.some_moment(step.random())
    await stage.rig.command("stop")
    await asking
    await stage.rig.until(stage.ended, LEFT_OPEN_S)


async def mute(stage: Stage, step: Step) -> None:
    """Close the microphone at any moment, but not before the last word."""
    await stage.hold(step)
    await stage.some_moment(step.random())
    await stage.rig.command("mute")
    await stage.microphone(wanted=False)
    await stage.rig.until(stage.ended, LEFT_OPEN_S)
    await stage.rig.command("unmute")
    await stage.microphone(wanted=True)


async def double(stage: Stage, step: Step) -> None:
    """Close the microphone by the button, press in vain, open it again."""
    await stage.double()
    await stage.microphone(wanted=False)
    await stage.pause_between_gestures()
    stage.rig.tap()
    await stage.double()
    await stage.microphone(wanted=True)


async def silent(stage: Stage, step: Step) -> None:
    """Say nothing."""
    stage.rig.tap()
    await stage.rig.until(stage.ended)


async def fiddle(stage: Stage, step: Step) -> None:
    """Press at random, then ask."""
    dice = step.random()
    for _ in range(dice.randint(1, 5)):
        stage.rig.press()
        await asyncio.sleep(dice.uniform(0.0, 2 * HOLD_S))
        stage.rig.release()
        await asyncio.sleep(dice.uniform(0.0, 2 * HOLD_S))
    await stage.pause_between_gestures()
    if stage.rig.conure.controller.state.mic.muted:
        await stage.rig.command("unmute")
    await stage.rest()
    await stage.hold(step)
    await stage.rest()


async def doze(stage: Stage, step: Step) -> None:
    """Come back after the connection was closed."""
    await asyncio.sleep(DOZE_S)
    await hold(stage, step)


ACTS: dict[Act, Callable[[Stage, Step], Awaitable[None]]] = {
    Act.HOLD: hold,
    Act.TAP: tap,
    Act.TEXT: text,
    Act.CUT_IN: cut_in,
    Act.SPEAK_OVER: speak_over,
    Act.STOP: stop,
    Act.MUTE: mute,
    Act.DOUBLE: double,
    Act.SILENT: silent,
    Act.FIDDLE: fiddle,
    Act.DOZE: doze,
}
