/*
 * Functions that are easy to misuse become compile errors. Force-included
 * into every file of ours by the build, ahead of its own includes, so the
 * system headers that declare them are read first.
 */
#ifndef SCHEMA_BASE_BANNED_H
#define SCHEMA_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BANNED(f) use_of_##f##_is_banned_see_banned_h

#undef strcpy
#define strcpy(...) BANNED(strcpy)		/* xstrdup, buf_adds */
#undef strcat
#define strcat(...) BANNED(strcat)		/* buf_adds */
#undef strncpy
#define strncpy(...) BANNED(strncpy)		/* snprintf, memcpy */
#undef strncat
#define strncat(...) BANNED(strncat)
#undef sprintf
#define sprintf(...) BANNED(sprintf)		/* snprintf, buf_addf */
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)
#undef strtok
#define strtok(...) BANNED(strtok)		/* strchr, memchr */
#undef gmtime
#define gmtime(...) BANNED(gmtime)		/* clock.h */
#undef localtime
#define localtime(...) BANNED(localtime)
#undef ctime
#define ctime(...) BANNED(ctime)
#undef asctime
#define asctime(...) BANNED(asctime)
#undef mktemp
#define mktemp(...) BANNED(mktemp)
#undef tmpnam
#define tmpnam(...) BANNED(tmpnam)
#undef atoi
#define atoi(...) BANNED(atoi)			/* num.h */
#undef atol
#define atol(...) BANNED(atol)
#undef strtol
#define strtol(...) BANNED(strtol)
#undef strtoul
#define strtoul(...) BANNED(strtoul)
#undef system
#define system(...) BANNED(system)		/* proc.h */
#undef popen
#define popen(...) BANNED(popen)

#endif
