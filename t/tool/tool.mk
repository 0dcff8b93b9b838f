# Small programs that numbered tests call: what a shell needs to reach code
# that no command exposes. Built by `make check`, never installed.
check_PROGRAMS += t/tool/sshsig
t_tool_sshsig_SOURCES = t/tool/sshsig.c t/unit/softkey.h
t_tool_sshsig_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(NETTLE_CFLAGS)
t_tool_sshsig_LDADD = $(SCHEMA_LIBS)


check_PROGRAMS += t/tool/kube
t_tool_kube_SOURCES = t/tool/kube.c
t_tool_kube_LDADD = $(ENGINE_LIBS)

check_PROGRAMS += t/tool/fault-proxy
t_tool_fault_proxy_SOURCES = t/tool/fault-proxy.c
t_tool_fault_proxy_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
t_tool_fault_proxy_LDADD = $(ENGINE_LIBS)

check_PROGRAMS += t/tool/source
t_tool_source_SOURCES = t/tool/source.c
t_tool_source_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(NETTLE_CFLAGS) $(LIBGIT2_CFLAGS)
t_tool_source_LDADD = $(ENGINE_LIBS)
EXTRA_DIST += t/attacks t/odd-registry.py \
	t/odd-server.py t/report-receiver.py t/browser.py t/page-text.py \
	t/page-shot t/typist.py t/webhook.py

check_PROGRAMS += t/tool/cel-rules
t_tool_cel_rules_SOURCES = t/tool/cel-rules.c $(CEL_TABLE)
t_tool_cel_rules_LDADD = $(SCHEMA_LIBS)

check_PROGRAMS += t/tool/health
t_tool_health_SOURCES = t/tool/health.c
t_tool_health_LDADD = $(ENGINE_LIBS)

check_PROGRAMS += t/tool/puppet
t_tool_puppet_SOURCES = t/tool/puppet.c
t_tool_puppet_LDADD = $(SCHEMA_LIBS)

check_PROGRAMS += t/tool/old-kernel
t_tool_old_kernel_SOURCES = t/tool/old-kernel.c
t_tool_old_kernel_LDADD = $(SCHEMA_LIBS)

# loaded by stock OpenSSH, so without what this build links its programs with
SECURITY_KEY = t/tool/security-key.so
check_DATA += $(SECURITY_KEY)
CLEANFILES += $(SECURITY_KEY)
EXTRA_DIST += t/tool/security-key.c
$(SECURITY_KEY): t/tool/security-key.c
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) -std=gnu11 -O1 -Wall -Wextra \
		-fPIC -shared $(SODIUM_CFLAGS) -o $@ \
		$(srcdir)/t/tool/security-key.c $(SODIUM_LIBS)
