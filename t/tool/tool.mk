# Small programs that numbered tests call: what a shell needs to reach code
# that no command exposes. Built by `make check`, never installed.
check_PROGRAMS += t/tool/sshsig
t_tool_sshsig_SOURCES = t/tool/sshsig.c t/unit/softkey.h
t_tool_sshsig_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS)
t_tool_sshsig_LDADD = $(SCHEMA_LIBS)

