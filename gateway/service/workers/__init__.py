"""Several worker processes behind one listening socket, and the supervisor that keeps them.

The supervisor binds the addresses, migrates the database and answers the operator's listener; the workers serve the
traffic. All workers accept from one socket, which stays open in the supervisor: a connection that waits to be accepted
outlives the worker that ends, and a worker that hangs is handed none. (With a socket for each worker, SO_REUSEPORT, the
kernel deals connections out by a hash, and those dealt to a worker that ends are lost.)

A worker is a fresh interpreter, never a fork of a process with threads. It and its supervisor talk over a socket pair
(`gateway.service.workers.channel`); when that ends, the supervisor is gone, and the worker finishes what is under way
and ends too, also after a `kill -9`.

uvicorn's own supervisor was looked at and not taken: it restarts a worker that keeps dying for ever and without a
pause, leaves workers behind when it is killed, does not know a reload that keeps the workers, and has no place for
health, readiness and metrics of them all.

WorkersFailed    the workers do not start, or keep dying: the gateway ends, and says why
"""
