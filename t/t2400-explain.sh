#!/bin/bash
# windlass explain: that its examples are examples.
. "$(dirname "$0")/lib.sh"

windlass explain --output json >all.json
is "$?" 0 "all rules as JSON"
# write RULE-FIELD: one file an example, and the options that it needs
perl -MJSON::PP -0777 -ne '
	for my $r (@{decode_json($_)}) {
		for my $field (qw(summary why repair bad good)) {
			print STDERR "$r->{rule}: no $field\n"
				if $r->{$field} !~ /\S/;
		}
		print STDERR "$r->{rule}: $r->{summary}: more than a line\n"
			if $r->{summary} =~ /[.\n]$|\n/ ||
				length $r->{summary} > 76;
		print "$r->{rule}\n";
		next if !defined $r->{options};
		for my $side (qw(bad good)) {
			open my $h, ">:utf8", "$r->{rule}.$side.yaml" or die;
			print $h $r->{$side};
		}
		open my $h, ">", "$r->{rule}.options" or die;
		print $h "$r->{options} --output json";
	}' all.json >rules 2>lacks
is "$(cat lacks)" "" "each rule says what, why, and how to repair"
ok "there are many" [ "$(wc -l <rules)" -gt 50 ]
is "$(windlass explain | sed 's/ .*//')" "$(cat rules)" \
	"the list has all of them"

# found FILE OPTION...: the rules that it breaks, each once, with severities
found() {
	# the words of an option
	# shellcheck disable=SC2046
	windlass check $(cat "$1") "$2" |
		perl -MJSON::PP -0777 -ne '
			print "$_->{rule} $_->{severity}\n"
				for @{decode_json($_)->{problems}}' | sort -u
}
for options in *.options; do
	rule=${options%.options}
	severity=$(windlass explain "$rule" | sed -n '1s/.*(\(.*\))/\1/p')
	like "$(found "$options" "$rule.bad.yaml")" "^$rule $severity\$" \
		"$rule: the bad example breaks it"
	is "$(found "$options" "$rule.good.yaml")" "" "the good one is good"
done

# ---- the text ----

windlass explain yaml-merge duplicate >out
is "$?" 0 "two rules"
is "$(grep -E '\((error|warning)\)$' out | paste -sd ' ')" \
	"yaml-merge (error) duplicate (error)" "are explained"
like "$(cat out)" "^      <<: \{color: red\}$|^    data:$" "with an example"
is "$(awk 'length > 80' out)" "" "in lines that fit"
windlass explain $(cat rules) >out
is "$(grep -c '[[:cntrl:]]' out)" 0 "without control bytes"
windlass explain yaml-mrege >out 2>err
is "$? $(cat out err)" \
	"1 windlass: there is no rule 'yaml-mrege': did you mean 'yaml-merge'?" \
	"a name that is misspelt"
windlass explain nothing-like-it >out 2>err
is "$? $(cat out err)" "1 windlass: there is no rule 'nothing-like-it';\
 'windlass explain' lists them" "one that is unknown"
windlass explain --output xml 2>/dev/null
is "$?" 129 "usage"

done_testing
