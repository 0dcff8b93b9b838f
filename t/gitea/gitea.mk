# A real Gitea for the tests of Git hosts: a script, nothing to build here.
EXTRA_DIST += t/gitea/build t/gitea/go.mod t/gitea/go.sum
