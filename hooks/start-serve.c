/*
 * `serve` of a program that is not linked with what it needs: start.h.
 */
#include "config.h"
#include "hooks/commands.h"
#include "hooks/start.h"

int cmd_serve(int argc, char **argv)
{
	return start_program("windlass-serve", "serve", argc, argv);
}
