# Links between pages. Source it after lib.sh.
#
#   dead_links FOLDER   prints "PAGE: TARGET" for each link of the pages below
#                       it (*.md) that leads to no file there; build folders
#                       are passed over
dead_links() {
	local page target
	find "$1" \( -name .git -o -name 'build*' \) -prune -o \
		-name '*.md' -type f -print | while read -r page; do
		grep -oE '\]\([^)# ]+' "$page" | sed 's/^](//' |
			grep -vE '^[a-z]+:' | while read -r target; do
			[ -e "$(dirname "$page")/$target" ] ||
				echo "${page#"$1"/}: $target"
		done
	done | sort -u
}
