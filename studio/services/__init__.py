"""What stands between screens and the world: modules, worker processes, event logs, the store. No terminal."""
