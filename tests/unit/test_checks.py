from __future__ import annotations

import socket

import pytest

from local import checks, ports
from local.errors import CannotStart


def test_a_free_port_can_be_used() -> None:
    checks.port_can_be_used("127.0.0.1", ports.pick())


@pytest.mark.parametrize("listening_on", ["127.0.0.1", "0.0.0.0"])  # noqa: S104
def test_a_taken_port_is_named_with_a_free_one_to_choose_instead(listening_on: str) -> None:
    with socket.socket() as other:
        other.bind((listening_on, 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(CannotStart) as caught:
            checks.port_can_be_used("127.0.0.1", taken)
    assert str(caught.value).startswith(f"Port {taken} is taken by another program: choose another one, as in `PORT=")


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(CannotStart, match=r"HOST=203\.0\.113\.1 is not an address of this machine"):
        checks.port_can_be_used("203.0.113.1", 8000)


def test_a_redis_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(CannotStart, match="Redis can't be reached at REDIS_URL") as caught:
        checks.redis_answers(f"redis://:very-secret@127.0.0.1:{ports.pick()}/0")
    assert "very-secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
