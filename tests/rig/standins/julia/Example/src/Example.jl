"Stand-in for the package of this name, with a function of the real one."
module Example

export hello

hello(who::String) = "Hello, $who"

end
