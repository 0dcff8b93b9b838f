# Completion in bash, for windlass, windlass-hook and windlassd: the program
# itself says what is possible (--complete). Where bash-completion is
# installed `make install` is all; else source this file.

_windlass()
{
	local cur words cword line lead= breaks=${COMP_WORDBREAKS//[^=:@]/}
	_get_comp_words_by_ref -n '=:@' cur words cword || return

	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:files|:folders)
			[[ $cur != --*=* ]] || cur=${cur#*=}
			if [ "$line" = :files ]; then _filedir; else _filedir -d; fi
			return ;;
		*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <("${words[0]/#\~/$HOME}" --complete \
		"${words[@]:1:cword}" 2>/dev/null)

	# of "prod@4" readline replaces only what is behind the @
	[ -z "$breaks" ] || lead=${cur%"${cur##*[$breaks]}"}
	COMPREPLY=("${COMPREPLY[@]#"$lead"}")
} &&
	complete -o nosort -F _windlass windlass windlass-hook windlassd
