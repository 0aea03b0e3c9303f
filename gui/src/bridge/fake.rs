//! Snapshots and a stand-in for the engine, for tests and pictures.
