# hooks/: the Git host. A push goes through these files in this order:
# receive, validate, render, sign, publish; serve hands out the result.
