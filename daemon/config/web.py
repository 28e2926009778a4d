"""The configuration keys of the gateway, which is a process of its own (`conure web`). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.config.key import key


@dataclass(frozen=True, slots=True)
class WebSettings:
    """[web] — the gateway: the page, talks from other devices, tokens and metrics."""

    name: str = key(
        "", "the speaker's name on the network, without .local; empty: the machine's host name", web=False
    )
    listen: tuple[str, ...] = key(
        (),
        "where the page is served, as ADDRESS:PORT; empty: the sockets of systemd, else 0.0.0.0:8443",
        split=",",
        web=False,
    )
    plain_listen: tuple[str, ...] = key(
        (),
        "where plain HTTP explains how to reach the page; empty: only systemd's socket",
        split=",",
        web=False,
    )
    seeds_port: int = key(
        0,
        "port on this machine alone, for clients of ai-proxy-core and the live audio app (8000); 0: off",
        low=0,
        high=65535,
        web=False,
    )
    origins: tuple[str, ...] = key(
        (), "other pages that may use the gateway, as https://HOST:PORT, or null", split=",", web=False
    )
    hosts: tuple[str, ...] = key(
        (), "other names that browsers may know the speaker by", split=",", web=False
    )
    certificate: str = key(
        "",
        "your certificate with its chain (PEM); empty: one by the speaker's own authority",
        path=True,
        web=False,
    )
    private_key: str = key("", "the private key of web.certificate (PEM)", path=True, web=False)
    behind_proxy: bool = key(
        False,
        "a reverse proxy on this machine speaks TLS: serve plain HTTP to it, and believe its X-Forwarded-For",
        web=False,
    )
    max_talks: int = key(2, "talks from other devices at once; 0: none", low=0, high=32)
    talk_idle_s: float = key(60.0, "a talk ends after this long without a word", low=5.0, high=600.0)
    talk_minutes: float = key(15.0, "a talk ends after this", low=1.0, high=120.0)
    talk_tools: str = key(
        "safe",
        "what a talk may do: all tools; the built-in ones; none",
        choices=("all", "safe", "none"),
        web=False,
    )
    transcript_minutes: float = key(
        30.0,
        "what was said is kept in memory for the page for this long; 0: not at all",
        low=0.0,
        high=1440.0,
    )
    message_mib: int = key(4, "longest message of an ai-proxy-core client, in MiB", low=1, high=16, web=False)
    metrics: str = key(
        "token",
        "who may read /metrics: who has a token; this machine too; everybody; nobody",
        choices=("token", "local", "open", "off"),
        web=False,
    )
    tokens: bool = key(False, "give paired devices short-lived tokens for Gemini Live", web=False)
    token_minutes: int = key(15, "such a token is good for this long", low=1, high=60, web=False)
    token_facts: bool = key(
        False, "tell the model what [memory] holds on such a token's sessions too", web=False
    )
