#!/bin/bash
# A test that bails out is one that failed, and neither keeps prove from
# running the others nor is it forgotten by the second try of t/check.
. "$(dirname "$0")/lib.sh"
export WINDLASS_LOGS=$TRASH/logs
mkdir logs
printf '#!/bin/sh\necho ok 1\necho "Bail out! no server"\nexit 1\n' >bails
printf '#!/bin/sh\necho ok 1\necho 1..1\n' >goes
printf '#!/bin/sh\necho ok 1\necho 1..1\nkill -SEGV $$\n' >crashes
chmod +x bails goes crashes
prove --state=save --statefile=state --exec "$TEST_DIR/run-logged" \
	"$TRASH/bails" "$TRASH/goes" >out 2>&1
is $? 1 "a test that bails out has failed"
like "$(cat out)" 'goes \.+ ok' "the others are run"
is "$(ls logs | wc -l)" 2 "and each left its log"
is "$(grep -l '^not ok' logs/*)" "$(ls logs/*bails*)" "which says who failed"
like "$(cat logs/*bails*)" '^not ok - bailed out: no server$' "and why"
prove --state=failed --statefile=state --exec "$TEST_DIR/run-logged" >out 2>&1
is $? 1 "a second try is of those that failed"
like "$(cat out)" 'Files=1, Tests=2' "and runs them"
prove --exec "$TEST_DIR/run-logged" "$TRASH/crashes" >out 2>&1
is $? 1 "a crash is no pass"
like "$(cat logs/*crashes*)" '^# crashed: .* ended by signal 11$' "and is told"
done_testing
