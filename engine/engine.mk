# engine/: the cluster side, and the `windlass` command line in engine/cli.
