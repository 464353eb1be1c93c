# Evaluates what kernel.py sends, each piece after a line with its length, and marks the end of output.
while !eof(stdin)
    code = String(read(stdin, parse(Int, readline(stdin))))
    status = try
        value = include_string(Main, code)
        value === nothing || println(value)
        "ok"
    catch error
        showerror(stdout, error)
        "error"
    end
    println("\n\x04", status)
    flush(stdout)
end
