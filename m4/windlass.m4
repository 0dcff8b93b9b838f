# WL_LIBRARY(VARIABLE, MODULE, DEBIAN-PACKAGE)
# Finds a library by pkg-config; a missing one is remembered, not fatal.
AC_DEFUN([WL_LIBRARY], [
  PKG_CHECK_MODULES([$1], [$2], [], [
    missing="$missing $2"
    missing_packages="$missing_packages $3"])
])

# WL_FLAG(FLAG): adds FLAG to WL_CFLAGS if the compiler takes it.
# -Werror makes clang refuse what it would only warn about.
AC_DEFUN([WL_FLAG], [
  AC_MSG_CHECKING([whether $CC takes $1])
  wl_save_CFLAGS="$CFLAGS"
  CFLAGS="$CFLAGS -Werror $1"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([yes]); WL_CFLAGS="$WL_CFLAGS $1"],
    [AC_MSG_RESULT([no])])
  CFLAGS="$wl_save_CFLAGS"
])

AC_DEFUN([WL_LINK_FLAG], [
  AC_MSG_CHECKING([whether the linker takes $1])
  wl_save_LDFLAGS="$LDFLAGS"
  LDFLAGS="$LDFLAGS -Werror $1"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([yes]); WL_LDFLAGS="$WL_LDFLAGS $1"],
    [AC_MSG_RESULT([no])])
  LDFLAGS="$wl_save_LDFLAGS"
])

AC_DEFUN([WL_WARNINGS], [
  WL_CFLAGS="-std=gnu11"
  m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wvla
    -Wwrite-strings -Wundef -Wformat=2 -Wimplicit-fallthrough
    -Wno-unused-parameter -Wno-missing-field-initializers],
    [WL_FLAG(flag)])
])

# The compiler half of the OpenSSF hardening list. _FORTIFY_SOURCE needs an
# optimizing build and is left out where the user turned that off.
AC_DEFUN([WL_HARDENING], [
  WL_LDFLAGS=
  m4_foreach_w([flag], [-fstack-protector-strong -fstack-clash-protection
    -fcf-protection -fstrict-flex-arrays=3 -fPIE],
    [WL_FLAG(flag)])
  m4_foreach([flag], [[-pie], [[-Wl,-z,relro]], [[-Wl,-z,now]],
    [[-Wl,-z,noexecstack]]],
    [WL_LINK_FLAG(flag)])
  AS_CASE([" $CFLAGS "],
    [*" -O0 "*], [],
    [*" -O"*], [WL_CFLAGS="$WL_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
])
