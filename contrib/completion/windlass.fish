# Completion in fish, for windlass, windlass-hook and windlassd: the program
# itself says what is possible (--complete).

function __windlass_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l lead (string match -r -- '^--[^=]*=' $word)
    type -q $words[1]; or return
    for line in ($words[1] --complete $words[2..-1] "$word" 2>/dev/null)
        switch $line
            case ':files'
                printf "$lead%s\n" (__fish_complete_path (string replace -- "$lead" '' $word))
            case ':folders'
                printf "$lead%s\n" (__fish_complete_directories (string replace -- "$lead" '' $word))
            case '*'
                printf '%s\n' $line
        end
    end
end

# one file for each, of the program's name, is what fish reads
complete -c (string replace -r '^.*/([^/]*)\.fish$' '$1' -- (status filename)) -f -k -a '(__windlass_complete)'
