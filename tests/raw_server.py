"""A server that answers every connection with the same bytes, whatever it is asked."""

import socket
import threading
from contextlib import contextmanager


@contextmanager
def answering(content):
    """Serve while the block runs; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                connection, _ = server.accept()
                with connection:
                    if not connection.recv(65536):
                        return
                    connection.sendall(content)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            socket.create_connection(server.getsockname()).close()
            thread.join()
