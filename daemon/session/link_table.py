"""The connection's state table: when to connect, resume, rotate, back off, give up. Pure.

`step(link, event, policy)` gives the next `Link`; `next_wake_s` says when to send the next `Tick`. Nobody
here opens a socket: `connection.py` does what the phase says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from daemon.errors import IllegalTransition
from daemon.session.failures import Retry
from daemon.session.link import (
    Answered,
    Asked,
    Busy,
    Connected,
    Failed,
    Handed,
    Handle,
    Leaving,
    Link,
    LinkEvent,
    LinkPhase,
    LinkPolicy,
    NetworkBack,
    Renew,
    Switched,
    Tick,
)

Rule = Callable[[Link, Any, LinkPolicy], Link]


def enter(link: Link, phase: LinkPhase, at_s: float) -> Link:
    """The link in another phase, with the time it began."""
    return link if link.phase is phase else replace(link, phase=phase, since_s=at_s)


def stay(link: Link, _event: Any, _policy: LinkPolicy) -> Link:
    """The event means nothing in this phase."""
    return link


def connect(link: Link, event: Any, _policy: LinkPolicy) -> Link:
    """Try now; a connection that nobody uses closes after the idle time."""
    return replace(enter(link, LinkPhase.CONNECTING, event.at_s), idle_since_s=event.at_s)


def ask_again(link: Link, event: Asked, policy: LinkPolicy) -> Link:
    """While refused: one try for a trigger, but not for each of many."""
    return link if event.at_s < link.next_try_s else connect(link, event, policy)


def network_back(link: Link, event: NetworkBack, policy: LinkPolicy) -> Link:
    """Try at once, unless it was not the network: routes are renewed every few minutes, a quota is not."""
    slow = link.failure is not None and link.failure.treatment.retry is Retry.SLOWLY
    return link if slow else connect(link, event, policy)


def note_busy(link: Link, event: Busy, _policy: LinkPolicy) -> Link:
    """The end of a turn starts the idle time."""
    return replace(link, busy=event.busy, idle_since_s=event.at_s)


def busy_online(link: Link, event: Busy, policy: LinkPolicy) -> Link:
    """The end of a turn is the pause in which a link is rotated."""
    return tick_online(note_busy(link, event, policy), Tick(event.at_s), policy)


def busy_offline(link: Link, event: Busy, policy: LinkPolicy) -> Link:
    """A turn needs the connection."""
    noted = note_busy(link, event, policy)
    return connect(noted, event, policy) if event.busy else noted


def connected(link: Link, event: Connected, _policy: LinkPolicy) -> Link:
    """Set up. The back-off is kept until the connection proves itself; a rotation is no use of the link."""
    up = enter(link, LinkPhase.ONLINE, event.at_s)
    return replace(
        up,
        connects=link.connects + 1,
        detour=event.detour,
        failure=None,
        refused_resumes=0,
        leave_by_s=None,
        abandoned=False,
    )


def switched(link: Link, event: Switched, _policy: LinkPolicy) -> Link:
    """Another session, which knows nothing of the one before: its age counts from here, and its handles."""
    return replace(
        link, since_s=event.at_s, connects=link.connects + 1, handle=None, leave_by_s=None, hurried=False
    )


def proved(link: Link, _event: Answered, _policy: LinkPolicy) -> Link:
    """The connection is good: the next failure starts from the shortest pause."""
    return replace(link, tries=0)


def leaving(link: Link, event: Leaving, policy: LinkPolicy) -> Link:
    """Rotate at the next pause, at the latest before the announced end."""
    left_s = policy.unannounced_left_s if event.time_left_s is None else event.time_left_s
    noted = replace(link, leave_by_s=event.at_s + max(0.0, left_s - policy.leave_margin_s))
    return tick_online(noted, Tick(event.at_s), policy)


def handed(link: Link, event: Handed, _policy: LinkPolicy) -> Link:
    """Keep the newest handle; one that is not resumable now does not void the one before."""
    return (
        link
        if event.value is None or link.abandoned
        else replace(link, handle=Handle(event.value, event.at_s))
    )


def renew(link: Link, event: Renew, _policy: LinkPolicy) -> Link:
    """Leave this connection for a new one."""
    handle = link.handle if event.keep_handle else None
    left = enter(link, LinkPhase.ROTATING, event.at_s)
    return replace(left, handle=handle, abandoned=not event.keep_handle)


def forget_handle(link: Link, event: Renew, _policy: LinkPolicy) -> Link:
    """There is no connection to leave, but the session that it would resume is of no use."""
    return link if event.keep_handle else replace(link, handle=None)


def tick_online(link: Link, event: Tick, policy: LinkPolicy) -> Link:
    """Close when idle; rotate when told or old: at a pause if there is one."""
    now_s = event.at_s
    link = proven_by_age(link, now_s, policy)
    if not link.busy and now_s >= link.idle_since_s + policy.idle_close_s:
        return enter(link, LinkPhase.OFFLINE, now_s)
    if now_s >= rotate_at_s(link, policy):
        hurried = now_s < link.since_s + policy.proven_after_s
        return replace(enter(link, LinkPhase.ROTATING, now_s), hurried=hurried)
    return link


def rotate_at_s(link: Link, policy: LinkPolicy) -> float:
    """When an online link must go: at once if told to and idle, else at its last moment.

    Not twice running before it has proved itself: a server that announces the end in the first second of
    each connection (livekit agents-js #2507) would be called again and again.
    """
    last_s = link.since_s + policy.max_age_s + (policy.unannounced_left_s if link.busy else 0.0)
    if link.leave_by_s is None:
        return last_s
    wanted_s = min(link.leave_by_s, last_s) if link.busy else link.since_s
    return max(wanted_s, link.since_s + policy.proven_after_s) if link.hurried else wanted_s


def tick_backing_off(link: Link, event: Tick, policy: LinkPolicy) -> Link:
    """Try again when the pause is over."""
    return connect(link, event, policy) if event.at_s >= link.next_try_s else link


def failed(link: Link, event: Failed, policy: LinkPolicy) -> Link:
    """Back off, or stop, or begin afresh, as the failure's policy says."""
    treatment = event.failure.treatment
    first = link.failure is None
    refused_resumes = link.refused_resumes + event.failure.resuming
    keep_handle = treatment.keep_handle and refused_resumes < policy.resumes_before_fresh
    noted = replace(
        link,
        refused_resumes=refused_resumes if keep_handle else 0,
        failure=event.failure,
        failed_since_s=event.at_s if first else link.failed_since_s,
        failures=link.failures + 1,
        tries=link.tries + 1,
        handle=link.handle if keep_handle else None,
        leave_by_s=None,
    )
    pause_s = back_off_s(noted.tries, treatment.retry, event.jitter, policy)
    if link.busy and treatment.retry is Retry.BACK_OFF:
        pause_s = min(pause_s, policy.longest_busy_back_off_s)
    noted = replace(noted, next_try_s=event.at_s + pause_s)
    if treatment.retry is Retry.WHEN_ASKED:
        return enter(noted, LinkPhase.REFUSED, event.at_s)
    return enter(noted, LinkPhase.CONNECTING if pause_s == 0 else LinkPhase.BACKING_OFF, event.at_s)


def proven_by_age(link: Link, now_s: float, policy: LinkPolicy) -> Link:
    """An online link that has lived long enough has proved itself."""
    return replace(link, tries=0) if now_s >= link.since_s + policy.proven_after_s else link


def failed_online(link: Link, event: Failed, policy: LinkPolicy) -> Link:
    """A drop while nobody needs the connection is normal: the next trigger connects again."""
    lost = failed(proven_by_age(link, event.at_s, policy), event, policy)
    if link.busy and lost.tries == 1 and event.failure.treatment.retry is Retry.BACK_OFF:
        return replace(lost, next_try_s=event.at_s + event.jitter * policy.first_pause_s)
    if link.busy or event.failure.treatment.retry in (Retry.WHEN_ASKED, Retry.SLOWLY):
        return lost
    return replace(enter(lost, LinkPhase.OFFLINE, event.at_s), failure=None, tries=link.tries)


def back_off_s(tries: int, retry: Retry, jitter: float, policy: LinkPolicy) -> float:
    """Exponential back-off with jitter over its whole length ("full jitter", Amazon builders' library).

    The first try after a drop comes at once when the class says so; a second drop in a row backs off.
    """
    if retry is Retry.AT_ONCE and tries == 1:
        return 0.0
    if retry is Retry.WHEN_ASKED:
        return policy.ask_pause_s
    first_s, longest_s = (
        (policy.slow_back_off_s, policy.longest_slow_back_off_s)
        if retry is Retry.SLOWLY
        else (policy.first_back_off_s, policy.longest_back_off_s)
    )
    ceiling_s = min(longest_s, first_s * 2.0 ** min(tries, 16))
    return first_s + jitter * (ceiling_s - first_s)


def next_wake_s(link: Link, policy: LinkPolicy) -> float | None:
    """When a `Tick` can change something; None: only events can."""
    match link.phase:
        case LinkPhase.BACKING_OFF:
            return link.next_try_s
        case LinkPhase.ONLINE:
            rotate_s = rotate_at_s(link, policy)
            return rotate_s if link.busy else min(rotate_s, link.idle_since_s + policy.idle_close_s)
        case _:
            return None


_NOTES: dict[type, Rule] = {
    Asked: stay,
    Busy: note_busy,
    NetworkBack: stay,
    Connected: stay,
    Switched: stay,
    Answered: stay,
    Failed: failed,
    Leaving: stay,
    Handed: handed,
    Renew: forget_handle,
    Tick: stay,
}

TABLE: dict[LinkPhase, dict[type, Rule]] = {
    LinkPhase.OFFLINE: _NOTES | {Asked: connect, Busy: busy_offline, Failed: stay},
    LinkPhase.CONNECTING: _NOTES | {Connected: connected},
    LinkPhase.ONLINE: _NOTES
    | {
        Busy: busy_online,
        Switched: switched,
        Answered: proved,
        Failed: failed_online,
        Leaving: leaving,
        Renew: renew,
        Tick: tick_online,
    },
    LinkPhase.ROTATING: _NOTES | {Connected: connected},
    LinkPhase.BACKING_OFF: _NOTES
    | {Asked: connect, NetworkBack: network_back, Failed: stay, Tick: tick_backing_off},
    LinkPhase.REFUSED: _NOTES | {Asked: ask_again, Failed: stay},
}
"""For each phase, one rule for each event."""


def step(link: Link, event: LinkEvent, policy: LinkPolicy) -> Link:
    """The link after the event. Raises IllegalTransition for a pair without a row."""
    rule = TABLE[link.phase].get(type(event))
    if rule is None:
        raise IllegalTransition(f"no row for {type(event).__name__} while {link.phase.value}")
    return rule(link, event, policy)
