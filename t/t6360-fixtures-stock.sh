#!/bin/bash
# What we take, stock tools take: a signature of every form that our verifier
# accepts, by stock ssh-keygen; trust files of every form that ours reads, by
# it, too; what a real host publishes and its approvers sign, by git. The other
# way round it is not so: that stock is laxer is known (attack-25 to attack-27).
. "$(dirname "$0")/lib.sh"
tool=$WINDLASS_BUILD/t/tool/sshsig
[ -x "$tool" ] || skip_all "t/tool/sshsig is not built: make check TESTS="

ours() { # TRUST ROLE NAMESPACE SIG MESSAGE
	"$tool" verify "$1" "$2" "$3" "$4" <"$5"
}
stock() { # WHO TRUST NAMESPACE SIG MESSAGE
	ssh-keygen -Y verify -f "$2" -I "$1" -n "$3" -s "$4" <"$5" || return 1
}

# ---- signatures ----

mkdir fixtures
count=$("$tool" fixtures fixtures)
ok "there are fixtures" [ "$count" -gt 30 ]
for ((i = 0; i < count; i++)); do
	f=fixtures/$i
	ns=$(cat $f.ns)
	role=approvers spaces=git
	[ "$ns" = git ] || role=publishers spaces=git,$ns
	printf 'p namespaces="%s" %s\n' "$spaces" "$(cat $f.key)" >trust
	what="$(cut -d' ' -f1 $f.key), $ns, $(stat -c %s $f.msg) bytes, fixture $i"
	ok "ours: $what" ours trust $role "$ns" $f.sig $f.msg
	ok "stock: $what" stock p trust "$ns" $f.sig $f.msg
done

# ---- trust files ----

ssh-keygen -q -t ed25519 -N '' -C 'ann of example.org' -f ann </dev/null
ssh-keygen -q -t ed25519 -N '' -C bob -f bob </dev/null
a=$(cut -d' ' -f1,2 ann.pub) b=$(cut -d' ' -f1,2 bob.pub)
echo text >text
ssh-keygen -q -Y sign -n git -f ann text 2>/dev/null
while IFS= read -r line; do
	printf '%b' "${line//KEY/$a}" | sed "s|OTHER|$b|" >trust
	ok "ours: $line" ours trust approvers git text.sig text
	ok "stock: $line" stock ann trust git text.sig text
done <<'END'
ann namespaces="git" KEY\n
ann namespaces="git" KEY
\t ann \t namespaces="git"\t  KEY \t\n \n
ann namespaces="git" KEY some comment # and more\n
# nobody\n\nann namespaces="git" KEY\n
bob namespaces="git" OTHER\nann namespaces="git" KEY\n
ann namespaces="git" OTHER\nann namespaces="git" KEY\n
ann namespaces="git",valid-after="20200101Z" KEY\n
ann valid-before="29990101Z",valid-after="20200101Z",namespaces="git" KEY\n
ann valid-after="202001010000Z",namespaces="git",valid-before="29991231235959Z" KEY\n
END
# and where ours says no to one line, it says no to the file
while IFS= read -r line; do
	printf 'ann namespaces="git" %s\n%b\n' "$a" "${line//KEY/$b}" >trust
	ok "stock passes over: $line" stock ann trust git text.sig text
	not_ok "ours refuses the file: $line" ours trust approvers git \
		text.sig text
	like "$(cat .output)" "line 2:" "and says where"
done <<'END'
nonsense
bob namespaces="git",no-such-option KEY
bob namespaces="git" ssh-rsa AAAA
bob cert-authority,namespaces="git" KEY
* namespaces="git" KEY
bob,carol namespaces="git" KEY
bob namespaces="git,file" KEY
bob namespaces="git",valid-before="20990101" KEY
END
done_testing
