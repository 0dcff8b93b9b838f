/*
 * `upload` of a program that is not linked with what it needs: start.h.
 */
#include "config.h"
#include "hooks/commands.h"
#include "hooks/start.h"

int cmd_upload(int argc, char **argv)
{
	return start_program("windlass-upload", "upload", argc, argv);
}
