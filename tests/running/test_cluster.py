"""A driver notices the end of the server beside it, and gives up on calls that are no longer answered."""

import math
import socket
import threading
from types import SimpleNamespace

import pytest
from ray.exceptions import AuthenticationError

from hpo.core.errors import ClusterLost
from hpo.core.listening import answers, replies
from hpo.running.cluster import ClusterMonitor, ClusterNode, watched
from hpo.running.cluster_reading import require_listening


def test_a_server_that_has_ended_is_noticed_and_one_that_accepts_nothing_is_not_blamed():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        require_listening(address)
    with pytest.raises(ClusterLost, match="has ended"):
        require_listening(address)


def test_work_that_waits_for_a_lost_cluster_is_given_up_with_the_reason():
    answered = threading.Event()
    monitor = SimpleNamespace(
        silent=math.inf, node_silent=0.0, trouble="this process's node is no longer part of it"
    )
    with pytest.raises(ClusterLost, match="no longer part"):
        watched(lambda: answered.wait(60), monitor)
    answered.set()


def test_work_beside_a_node_that_no_longer_replies_is_given_up_before_ray_ends_the_process():
    answered, moments = threading.Event(), iter([0.0])
    monitor = ClusterMonitor(lambda: (), lambda: next(moments, 46.0), node_replies=lambda: False)
    with pytest.raises(ClusterLost, match="this process's node of the Ray cluster has not answered for 46 s"):
        watched(lambda: answered.wait(60), SimpleNamespace(silent=0.0, node_silent=monitor.node_silent))
    monitor.close()
    answered.set()


def test_a_server_that_is_suspended_has_connections_accepted_but_does_not_reply():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        assert answers(*address)
        assert not replies(*address, seconds=0.05)
    assert replies(*address)  # it ended: that is another trouble


def test_a_server_that_replies_or_hangs_up_is_not_suspended():
    with socket.create_server(("127.0.0.1", 0)) as server:
        for reply in (b"x", b""):
            thread = threading.Thread(target=lambda reply=reply: reply_once(server, reply))
            thread.start()
            assert replies(*server.getsockname(), seconds=30)
            thread.join()


def reply_once(server, reply):
    connection, _ = server.accept()
    with connection:
        connection.sendall(reply)


def test_an_error_of_the_work_reaches_the_caller():
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watched(fail, SimpleNamespace(silent=0.0, node_silent=0.0))


def test_work_that_a_new_head_refuses_has_lost_its_cluster():
    def ask():
        raise AuthenticationError("this head knows no such cluster")

    with pytest.raises(ClusterLost, match="is another one, which does not know this process"):
        watched(ask, SimpleNamespace(silent=0.0, node_silent=0.0))


def test_a_node_whose_server_has_ended_does_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as server:
        node = ClusterNode("a", "a", 1, 0, server=server.getsockname())
        assert node.answers()
    assert not node.answers()
    assert ClusterNode("b", "b", 1, 0).answers()  # nothing is known of it
