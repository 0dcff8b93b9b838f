/*
 * `upload`, `images` and `notify` of a program that is not linked with what they need,
 * an HTTP client: start.h.
 */
#include "config.h"
#include "hooks/commands.h"
#include "hooks/start.h"

int cmd_upload(int argc, char **argv)
{
	return start_program("windlass-upload", "upload", argc, argv);
}

int cmd_notify(int argc, char **argv)
{
	return start_program("windlass-upload", "notify", argc, argv);
}

int cmd_images(int argc, char **argv)
{
	return start_program("windlass-upload", "images", argc, argv);
}
