//! What reaching others promises, over real sockets on loopback.
