"""The stand-in server as a place to connect to: sessions, the door, controls, bounds, the program."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from google.genai import errors, types
from standin_support import (
    FAST,
    KEY,
    client,
    closing_of,
    config,
    handle_from,
    kinds,
    raw_client,
    resuming,
    say,
    send_audio,
    session,
    setup_message,
    speech,
    take_turn,
    take_until,
    tell,
)
from websockets.exceptions import InvalidStatus

from daemon.standin.door.credentials import ApiKeys
from daemon.standin.plan import Plan
from daemon.standin.run import Telling, run_standin
from daemon.standin.server import Keeping, StandIn
from daemon.standin.voices import Echo, Tone


class TestSessions:
    async def test_a_handle_resumes_the_session(self) -> None:
        async with StandIn(pace=FAST) as standin:
            async with session(standin) as live:
                await say(live, speech(0.2))
                await take_turn(live)
                handle = await handle_from([await take_until(live, "session_resumption_update")])
            async with session(standin, setup=resuming(handle)) as live:
                await say(live, speech(0.2))
                await take_turn(live)
            first, second = standin.record.connections
            assert (first.resumed, second.resumed) == (False, True)
            assert first.session_id == second.session_id != ""

    async def test_a_handle_is_refused_while_its_session_is_open(self) -> None:
        async with StandIn(pace=FAST) as standin, session(standin) as live:
            handle = await handle_from([await take_until(live, "session_resumption_update")])
            with pytest.raises(errors.APIError) as raised:
                async with session(standin, setup=resuming(handle)):
                    pass
            assert raised.value.code == 1011

    @pytest.mark.parametrize("fault", ["unknown", "poisoned", "expired", "another model"])
    async def test_a_handle_that_is_no_good_is_refused(self, fault: str) -> None:
        async with StandIn(
            pace=FAST, keeping=Keeping(handle_life_s=0.0 if fault == "expired" else 60.0)
        ) as standin:
            async with session(standin) as live:
                handle = await handle_from([await take_until(live, "session_resumption_update")])
            await standin.wait_for(lambda record: not record.connections[0].open)
            if fault == "poisoned":
                standin.poison_handles()
            model = "gemini-3.1-flash-live-preview" if fault == "another model" else "gemini-3.8-live"
            setup = resuming("made-up" if fault == "unknown" else handle)
            with pytest.raises(errors.APIError) as raised:
                async with session(standin, model=model, setup=setup):
                    pass
            assert raised.value.code == 1007

    async def test_without_asking_there_are_no_handles(self) -> None:
        detection = types.AutomaticActivityDetection(disabled=True)
        setup = types.LiveConnectConfig(
            realtime_input_config=types.RealtimeInputConfig(automatic_activity_detection=detection)
        )
        async with StandIn(Tone(0.2), pace=FAST) as standin, session(standin, setup=setup) as live:
            await say(live, speech(0.2))
            assert "session_resumption_update" not in kinds(await take_turn(live))


class TestTheDoor:
    async def test_no_path_but_the_services_own_exists(self) -> None:
        async with StandIn() as standin:
            with pytest.raises(InvalidStatus) as raised:
                async with raw_client(standin, "/ws/other"):
                    pass
            assert raised.value.response.status_code == 404
            (connection,) = standin.record.connections
            assert connection.close_reason == "HTTP 404"

    async def test_a_bad_key_is_refused(self) -> None:
        async with StandIn(keys=ApiKeys(bad=frozenset(["stolen"]))) as standin:
            with pytest.raises(errors.APIError, match="API key not valid") as raised:
                async with session(standin, key="stolen"):
                    pass
            assert raised.value.code == 1007

    async def test_no_key_is_refused(self) -> None:
        async with StandIn() as standin, raw_client(standin, key="") as websocket:
            await tell(websocket, setup_message())
            code, reason = await closing_of(websocket)
            assert code == 1008 and reason is not None and "unregistered callers" in reason

    async def test_keys_are_never_recorded(self) -> None:
        path = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=secret-2"
        async with StandIn(pace=FAST) as standin:
            async with session(standin, key="secret-1"):
                pass
            async with raw_client(standin, path, key="") as websocket:
                await tell(websocket, setup_message())
                await standin.wait_for(lambda record: record.connections[-1].setup_complete_s)
            seen = str([(c.headers, c.path, c.setup) for c in standin.record.connections])
            assert "secret" not in seen and "x-goog-api-key" in seen

    async def test_a_client_that_does_not_trust_it_cannot_connect(self) -> None:
        async with StandIn() as standin:
            with pytest.raises(ssl.SSLCertVerificationError):
                async with session(standin, ssl=ssl.create_default_context()):
                    pass

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
    async def test_its_certificate_names_the_host(self, host: str) -> None:
        async with StandIn() as standin:
            context = standin.client_ssl_context()
            _, writer = await asyncio.open_connection(
                "127.0.0.1", standin.port, ssl=context, server_hostname=host
            )
            writer.close()
            await writer.wait_closed()


class TestControls:
    async def test_go_away_is_announced(self) -> None:
        async with StandIn() as standin, session(standin) as live:
            await standin.send_go_away(50.0)
            notice = (await take_until(live, "go_away")).go_away
            assert notice is not None and notice.time_left == "50s"

    async def test_a_drop_has_its_code_and_reason(self) -> None:
        async with StandIn() as standin, session(standin) as live:
            await standin.drop(1012, "restarting")
            with pytest.raises(errors.APIError, match="restarting") as raised:
                await take_until(live, "go_away")
            assert raised.value.code == 1012
            await standin.wait_for(lambda record: not record.connections[0].open)
            assert standin.record.connections[0].close_code == 1012
            assert standin.record.connections[0].closed_by_server

    async def test_an_abort_is_a_reset(self) -> None:
        async with StandIn() as standin, session(standin) as live:
            standin.abort()
            with pytest.raises(errors.APIError) as raised:
                await take_until(live, "go_away")
            assert raised.value.code == 1006
            await standin.wait_for(lambda record: not record.connections[0].open)
            assert standin.record.connections[0].close_code == 1006

    async def test_offline_lets_nobody_in_until_it_is_over(self) -> None:
        async with StandIn(pace=FAST) as standin:
            standin.offline = True
            with pytest.raises(OSError):
                async with session(standin):
                    pass
            standin.offline = False
            async with session(standin):
                assert standin.record.connections_seen == 2

    async def test_the_clients_own_end_is_recorded(self) -> None:
        async with StandIn() as standin:
            async with session(standin):
                pass
            await standin.wait_for(lambda record: not record.connections[0].open)
            assert standin.record.connections[0].close_code == 1000
            assert not standin.record.connections[0].closed_by_server

    async def test_waiting_in_vain_tells_what_was_seen(self) -> None:
        async with StandIn() as standin, session(standin):
            with pytest.raises(TimeoutError, match=r"connection 1 open .no turns."):
                await standin.wait_for(lambda record: record.turns, timeout_s=0.05)

    async def test_leaving_ends_the_connections(self) -> None:
        async with StandIn() as standin:
            live = client(standin).aio.live.connect(model="gemini-3.8-live", config=config())
            opened = await live.__aenter__()
        with pytest.raises(errors.APIError) as raised:
            await take_until(opened, "go_away")
        assert raised.value.code == 1001
        await live.__aexit__(None, None, None)


class TestBounds:
    async def test_the_oldest_audio_is_forgotten_and_counted(self) -> None:
        async with StandIn(pace=FAST, keeping=Keeping(record_s=0.5)) as standin, session(standin) as live:
            await send_audio(live, speech(0.4, seed=1))
            await say(live, speech(0.4, seed=2))
            await take_turn(live)
            (connection,) = standin.record.connections
            both = speech(0.4, seed=1) + speech(0.4, seed=2)
            assert both.endswith(connection.pcm)
            assert len(connection.pcm) / 32_000 == pytest.approx(0.48)
            assert standin.record.forgotten_s == pytest.approx(0.32)
            assert connection.turns[0].audio_s == pytest.approx(0.4)


async def test_the_program_writes_its_authority_and_listens(tmp_path: Path) -> None:
    ready: asyncio.Future[StandIn] = asyncio.get_running_loop().create_future()
    file = tmp_path / "ca.pem"
    program = asyncio.create_task(
        run_standin(0, Echo(), Plan(), Telling(ca_file=file, on_ready=ready.set_result))
    )
    standin = await ready
    assert file.read_text() == standin.ca_pem
    async with session(standin, key=KEY, ssl=ssl.create_default_context(cafile=file)):
        assert standin.record.connections[0].setup_complete_s is not None
    program.cancel()
    with pytest.raises(asyncio.CancelledError):
        await program
